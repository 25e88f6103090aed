/* Entry of the page for people who suspect an infection: no log-in, loads little, works on a phone. */
import './styles/tokens.css';
import './styles/base.css';
import './styles/components.css';
import { mount } from 'svelte';
import ReportApp from './report/ReportApp.svelte';

mount(ReportApp, { target: document.getElementById('report')! });
