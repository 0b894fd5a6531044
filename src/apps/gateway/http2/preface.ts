import type { Socket } from 'node:net';

/** RFC 9113 section 3.4: what a connection of HTTP/2 begins with. No request of HTTP/1.1 does. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
/** Enough to tell the two apart: HTTP/1.1 has no method PRI here. */
const tellingBytes = 6;
/** A caller that says nothing is given to the engine, which knows how long it may be silent. */
const silentMs = 10_000;

/** Looks at the first octets and puts them back; then calls `onKnown` once, unless the connection has gone before. */
export function beginsHttp2(socket: Socket, onKnown: (isHttp2: boolean) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const settle = (isHttp2: boolean): void => {
    clearTimeout(timer);
    socket.off('readable', look);
    socket.off('error', gone);
    socket.off('close', gone);
    socket.off('end', ended);
    if (seen.length > 0) socket.unshift(seen);
    onKnown(isHttp2);
  };
  const look = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) seen = Buffer.concat([seen, chunk]);
    const told = Math.min(seen.length, preface.length);
    const isLike = seen.subarray(0, told).equals(preface.subarray(0, told));
    if (!isLike) settle(false);
    else if (seen.length >= tellingBytes) settle(true);
  };
  const ended = (): void => {
    socket.destroy();
  };
  const gone = (): void => clearTimeout(timer);
  const timer = setTimeout(() => settle(false), silentMs);
  socket.on('readable', look);
  socket.on('end', ended);
  socket.on('error', gone);
  socket.on('close', gone);
}
