/**
 * node:http without what nobody asks for here. An import of it evaluates every export, WebSocket among them, and with it
 * the whole of the undici that Node.js carries: 14 MB in each thread.
 */
export const { Agent, createServer, request, STATUS_CODES } = process.getBuiltinModule('node:http');
