import htmx from 'htmx.org';
import './own.js';
import './kobo.js';

window.htmx = htmx;
