// Makes a node like another one and changes nothing else, so that focus, scroll position, open details and what is being
// typed stay. Nodes with a key are found again wherever they have moved to; those of class `own` are a script's own.
const isElement = (node) => node.nodeType === Node.ELEMENT_NODE;
const isOwn = (node) => isElement(node) && node.classList.contains('own');
const keyOf = (node) => isElement(node) ? node.dataset.key : undefined;
const isAlike = (node, other) => node.nodeType === other.nodeType && node.nodeName === other.nodeName;
const isHeld = (node, name) => name === 'open' && node.nodeName === 'DETAILS' || name === 'aria-busy';

export function morph(node, like) {
  if (!isElement(node)) {
    if (node.nodeValue !== like.nodeValue) node.nodeValue = like.nodeValue;
    return;
  }
  for (const {name} of [...node.attributes]) if (!like.hasAttribute(name) && !isHeld(node, name)) node.removeAttribute(name);
  for (const {name, value} of like.attributes) if (node.getAttribute(name) !== value && !isHeld(node, name)) node.setAttribute(name, value);
  const keyed = new Map();
  for (const child of node.children) if (child.dataset.key) keyed.set(child.dataset.key, child);
  let at = node.firstChild;
  for (const wanted of [...like.childNodes]) {
    while (at && isOwn(at)) at = at.nextSibling;
    const key = keyOf(wanted), found = key ? keyed.get(key) : at && !keyOf(at) && isAlike(at, wanted) ? at : null;
    if (!found) {
      node.insertBefore(wanted, at);
      continue;
    }
    if (found === at) at = at.nextSibling;
    else node.insertBefore(found, at);
    morph(found, wanted);
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    if (!isOwn(gone)) gone.remove();
  }
}
