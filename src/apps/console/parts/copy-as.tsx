import { type ReactNode, useEffect, useRef, useState } from 'react';
import { yamlText } from './yaml-text.ts';

const saidMs = 2_000;

/** The same as this view at the command line, and what it shows as YAML. On every view. */
export function CopyAs(props: {
  /** A whole command, as `tidegate get rollouts`. */
  readonly cli: string;
  /** Plain data; null: nothing is known yet. */
  readonly yaml: unknown;
}): ReactNode {
  const [said, setSaid] = useState('');
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const say = (text: string): void => {
    setSaid(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setSaid(''), saidMs);
  };
  const copy = (what: string, text: string): void => {
    navigator.clipboard.writeText(text).then(
      () => say(`${what} copied`),
      () => say('the browser refused to copy'),
    );
  };
  return (
    <span className="copy-as">
      <button
        type="button"
        className="quiet"
        title={props.cli}
        onClick={() => copy('command', props.cli)}
      >
        Copy as CLI
      </button>
      <button
        type="button"
        className="quiet"
        disabled={props.yaml === null}
        onClick={() => copy('YAML', yamlText(props.yaml))}
      >
        Copy as YAML
      </button>
      <span role="status" className="said">
        {said}
      </span>
    </span>
  );
}
