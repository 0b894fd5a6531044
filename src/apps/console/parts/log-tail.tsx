import { type ReactNode, useEffect, useMemo, useState } from 'react';
import type { LogLine } from '../../../api/client/generated/schemas.ts';
import { send } from '../client/request.ts';

const linesMax = 500;
const tailLines = 200;
/** Lines that come in a burst are drawn at once. */
const drawMs = 250;

interface Log {
  readonly lines: readonly LogLine[];
  readonly trouble: string | null;
  readonly isRead: boolean;
}

/** The newest lines that instances of a revision wrote, those that have ended included. For another one, with another key. */
export function LogTail(props: {
  readonly service: string;
  readonly revisionId: string;
}): ReactNode {
  const { lines, trouble, isRead } = useLog(props.service, props.revisionId);
  const [only, setOnly] = useState<string>('');
  const instances = useMemo(() => [...new Set(lines.map((line) => line.instanceId))], [lines]);
  const shown = lines.filter(({ instanceId }) => only === '' || instanceId === only);
  return (
    <div className="log">
      {instances.length > 1 && (
        <label className="soft">
          Instance{' '}
          <select value={only} onChange={({ target }) => setOnly(target.value)}>
            <option value="">all</option>
            {instances.map((id) => (
              <option key={id}>{id}</option>
            ))}
          </select>
        </label>
      )}
      {trouble !== null && <p data-tone="warn">{trouble}</p>}
      {shown.length === 0 ? (
        <p className="soft">{isRead ? 'It has written nothing.' : 'Loading its lines'}</p>
      ) : (
        // Scrolls, so it has to be reached by keyboard.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <pre tabIndex={0} aria-label="Log lines">
          {shown.map(({ instanceId, stream, text }, index) => (
            // oxlint-disable-next-line react/no-array-index-key
            <span key={index} data-stream={stream}>
              <span className="from">
                {instanceId.slice(-6)} {stream === 'stderr' ? 'err' : 'out'}{' '}
              </span>
              {text}
              {'\n'}
            </span>
          ))}
        </pre>
      )}
    </div>
  );
}

function useLog(service: string, revisionId: string): Log {
  const [log, setLog] = useState<Log>({ lines: [], trouble: null, isRead: false });
  useEffect(() => {
    const ending = new AbortController();
    let pending: LogLine[] = [];
    const draw = (): void => {
      if (pending.length === 0) return;
      const more = pending;
      pending = [];
      setLog(({ lines }) => ({
        lines: [...lines, ...more].slice(-linesMax),
        trouble: null,
        isRead: true,
      }));
    };
    const timer = setInterval(draw, drawMs);
    const query = new URLSearchParams({
      service,
      revision: revisionId,
      tail: String(tailLines),
      follow: 'true',
    });
    readLines(`/v1/logs?${query.toString()}`, ending.signal, (line) => pending.push(line))
      .catch((error: unknown) => {
        if (ending.signal.aborted) return;
        setLog((now) => ({ ...now, trouble: String(error), isRead: true }));
      })
      .finally(draw);
    const read = setTimeout(() => setLog((now) => ({ ...now, isRead: true })), 1_500);
    return () => {
      ending.abort();
      clearInterval(timer);
      clearTimeout(read);
    };
  }, [service, revisionId]);
  return log;
}

async function readLines(
  path: string,
  signal: AbortSignal,
  take: (line: LogLine) => void,
): Promise<void> {
  const answer = await send(path, { signal });
  if (answer.body === null) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) if (part !== '') take(JSON.parse(part) as LogLine);
  }
}
