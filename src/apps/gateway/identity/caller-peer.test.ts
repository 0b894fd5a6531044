import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { spiffeIdOf } from '../../../domain/identity/spiffe-id.ts';
import { CallerSocket } from '../fast/caller-socket.ts';
import { RequestBuffers } from '../fast/scratch.ts';
import { WriteTurn } from '../fast/write-turn.ts';
import { peerIdentityOf } from './caller-peer.ts';

const cart = spiffeIdOf('shop.example', { namespace: 'default', name: 'cart' });
const endless = { leavesAtMs: Infinity, endsAtMs: Infinity };
const parts = { writeTurn: new WriteTurn(), requestBuffers: new RequestBuffers() };

test('a route sees who is at the other end of the connection a request came on', () => {
  const peer = { id: cart, fault: null, ...endless };
  const socket = new CallerSocket(parts, new Socket(), { isDirect: true, peer });
  assert.equal(peerIdentityOf({ socket }), cart);
});

test('nobody is known on a connection without a certificate, with one that proves nothing, and of node:http', () => {
  const plain = new CallerSocket(parts, new Socket(), { isDirect: true });
  const peer = { id: null, fault: 'is of an authority that is not trusted', ...endless };
  const unproved = new CallerSocket(parts, new Socket(), { isDirect: true, peer });
  for (const socket of [plain, unproved, new Socket()]) {
    assert.equal(peerIdentityOf({ socket }), null);
  }
});
