import { paraglideVitePlugin } from '@inlang/paraglide-js';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const server = process.env.HYAKUYO_SERVER ?? 'http://127.0.0.1:8480';

export default defineConfig({
  base: './',
  plugins: [
    paraglideVitePlugin({
      project: './project.inlang',
      outdir: './src/paraglide',
      strategy: ['globalVariable', 'baseLocale'],
      emitReadme: false,
      emitPrettierIgnore: false
    }),
    svelte()
  ],
  build: {
    target: 'es2022',
    // No inlined data: URLs and no inline module preload helper: the page runs under default-src 'self'.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
    // The console, and the page for people without log-in, which must not load the console.
    rollupOptions: { input: ['index.html', 'report.html'] }
  },
  server: { proxy: { '/api': { target: server, changeOrigin: true } } }
});
