/** Starts the pages: theme and language first, so that nothing is shown in the wrong one. */
import './lib/theme/theme.css';
import './lib/theme/base.css';
import '$lib/theme/theme.svelte';

import { mount } from 'svelte';

import { language } from '$lib/messages/language.svelte';

import App from './App.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('the page has no #app');

await language.start();
mount(App, { target });
