import 'htmx.org';
import './own.js';
