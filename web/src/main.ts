/* Entry of the console. Reading order: lib/state/ (what is known), app.svelte (which page), pages/, components/. */
import './styles/tokens.css';
import './styles/base.css';
import './styles/components.css';
import { mount } from 'svelte';
import App from './app.svelte';

mount(App, { target: document.getElementById('app')! });
