import htmx from 'htmx.org';
import './own.js';
import './kobo.js';
import './review.js';

window.htmx = htmx;
