/** The console: what the server knows, drawn, and kept as it was last known while the server is gone. */
import './style/tokens.css';
import './style/base.css';
import './style/shell.css';
import './style/parts.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { AppShell } from './shell/app-shell.tsx';
import { applyTheme } from './shell/theme.ts';
import { startLive } from './store/live.ts';

const place = document.getElementById('console');
if (place === null) throw new Error('index.html has no element "console"');
applyTheme();
startLive();
createRoot(place).render(
  <StrictMode>
    <AppShell />
  </StrictMode>,
);
