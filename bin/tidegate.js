#!/usr/bin/env node
/** The command line. */
import { fileURLToPath } from 'node:url';
import { launch } from './launch.js';

await launch('cli', fileURLToPath(import.meta.url));
