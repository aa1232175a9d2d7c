// What is written too faintly: text, its colour, what is behind it and their contrast, where that is below WCAG's AA.
const channels = (text) => (text.match(/[\d.]+/g) || []).map(Number);
const over = ([r, g, b, a = 1], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
const light = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map((one) => one / 255).map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const behind = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) {
    const colour = channels(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] > 0) layers.unshift(colour);
  }
  return layers.reduce((below, layer) => over(layer, below), [255, 255, 255]);
};
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const text = walker.currentNode.nodeValue.trim(), element = walker.currentNode.parentElement;
  if (!text || !element.checkVisibility() || ['SCRIPT', 'STYLE', 'OPTION'].includes(element.tagName)) continue;
  const style = getComputedStyle(element), back = behind(element);
  const [one, other] = [light(over(channels(style.color), back)), light(back)].sort((a, b) => b - a);
  const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 700;
  const contrast = (one + 0.05) / (other + 0.05);
  if (contrast < (large ? 3 : 4.5)) found.push([text.slice(0, 40), style.color, back.join(), contrast.toFixed(2)]);
}
return found;
