import { defineConfig } from 'vitest/config';

// No plugins: the tested modules are plain TypeScript, and the message compiler's file watcher would keep the run alive.
export default defineConfig({ test: { include: ['tests/**/*.test.ts'], environment: 'node' } });
