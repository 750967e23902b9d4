import htmx from 'htmx.org';
import './own.js';
import './kobo.js';
import './review.js';
import './bulk.js';

window.htmx = htmx;
