#!/usr/bin/env node
/** The auditor’s program: checks exports and proofs from files alone. */
import { fileURLToPath } from 'node:url';
import { launch } from './launch.js';

await launch('verify', fileURLToPath(import.meta.url));
