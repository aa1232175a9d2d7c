// Pages are whole without scripts. These renew a page in place, send its forms the same way, and draw its charts.
import {drawAll} from './plots.js';
import {keepRenewing} from './renewal.js';
import {sendInPlace} from './sending.js';

drawAll();
document.addEventListener('shown', drawAll);
keepRenewing();
sendInPlace();
