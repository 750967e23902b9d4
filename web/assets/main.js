import htmx from 'htmx.org';
import './own.js';

window.htmx = htmx;
