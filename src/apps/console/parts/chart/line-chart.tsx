import 'uplot/dist/uPlot.min.css';
import { type ReactNode, useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { theme } from '../../shell/theme.ts';
import { useSignal } from '../../store/use-resource.ts';

export interface ChartLine {
  readonly label: string;
  /** Null: not enough data; the line has a gap there. */
  readonly values: readonly (number | null)[];
  readonly ink: 'candidate' | 'stable' | 'limit' | 'good';
  /** Limits are dashed, so that they are told from what was measured without their colour. */
  readonly isDashed?: boolean;
}

export interface ChartProps {
  /** Seconds since the Unix epoch, rising. */
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  readonly isLogarithmic?: boolean;
  readonly valueText: (value: number) => string;
  /** All that the drawing says, for who cannot see it. */
  readonly says: string;
}

const heightPx = 150;
const decadesMax = 5;
const inks: Readonly<Record<ChartLine['ink'], string>> = {
  candidate: '--accent',
  stable: '--ink-soft',
  limit: '--bad',
  good: '--good',
};

/** Lines over time. Drawn anew only when there are other figures, another width or another theme. */
export default function LineChart(props: ChartProps): ReactNode {
  const chosen = useSignal(theme);
  const shape = props.lines.map(({ label, ink }) => label + ink).join();
  return <Drawing key={`${shape} ${chosen}`} {...props} />;
}

function Drawing(props: ChartProps): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const { times, lines, isLogarithmic = false, valueText, says } = props;
  const data = [[...times], ...lines.map(({ values }) => [...values])] as uPlot.AlignedData;
  const newest = useRef({ data, lines, valueText });
  useEffect(() => {
    newest.current = { data, lines, valueText };
    plot.current?.setData(data);
  });
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const drawn = draw(element, { ...newest.current, isLogarithmic });
    plot.current = drawn;
    const sizes = new ResizeObserver(() => {
      drawn.setSize({ width: element.clientWidth, height: heightPx });
    });
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      drawn.destroy();
      plot.current = null;
    };
  }, [isLogarithmic]);
  return <div ref={place} className="chart" role="img" aria-label={says} />;
}

function draw(
  element: HTMLElement,
  what: {
    readonly data: uPlot.AlignedData;
    readonly lines: readonly ChartLine[];
    readonly isLogarithmic: boolean;
    readonly valueText: (value: number) => string;
  },
): uPlot {
  const { data, lines, isLogarithmic, valueText } = what;
  const colour = coloursOf(element);
  const axis = {
    stroke: colour('--ink-faint'),
    font: `11px ${getComputedStyle(element).fontFamily}`,
    grid: { stroke: colour('--rule'), width: 1 },
    ticks: { show: false },
  };
  const options: uPlot.Options = {
    width: element.clientWidth,
    height: heightPx,
    padding: [8, 4, 0, 0],
    legend: { show: true, live: true },
    cursor: { points: { size: 5 }, drag: { x: false, y: false } },
    scales: { y: isLogarithmic ? { distr: 3 } : { range: fromZero } },
    axes: [
      { ...axis, size: 22, space: 90, values: (_, ticks) => ticks.map(timeText) },
      {
        ...axis,
        grid: { ...axis.grid, ...(isLogarithmic && { filter: decades }) },
        size: 52,
        space: 26,
        values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : valueText(tick))),
        ...(isLogarithmic && { filter: decades }),
      },
    ],
    series: [
      { label: 'at', value: (_, at) => (at === null ? '' : timeText(at)) },
      ...lines.map(({ label, ink, isDashed = false }) => ({
        label,
        stroke: colour(inks[ink]),
        width: isDashed ? 1 : 1.75,
        ...(isDashed && { dash: [5, 4] }),
        points: { show: false },
        value: (_: uPlot, value: number | null, __: number, index: number | null) =>
          index === null ? '' : value === null ? 'not enough data' : valueText(value),
      })),
    ],
  };
  return new uPlot(options, data, element);
}

const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

function timeText(seconds: number): string {
  return clock.format(seconds * 1000);
}

/** Of a logarithmic axis some powers of ten; the lines between them say nothing. */
function decades(_: uPlot, ticks: readonly number[]): (number | null)[] {
  const powers = ticks.map((tick) => Math.log10(tick));
  const every = Math.ceil(powers.filter(Number.isInteger).length / decadesMax);
  return ticks.map((tick, index) => ((powers[index] ?? 0.5) % every === 0 ? tick : null));
}

/** With room above the highest; a line at zero lies on the axis. */
function fromZero(_: uPlot, _low: number, high: number): [number, number] {
  return [0, high > 0 ? high * 1.15 : 1];
}

/** A canvas knows no custom properties, and a custom property is not worked out until something has it as its colour. */
function coloursOf(element: HTMLElement): (name: string) => string {
  return (name) => {
    const before = element.style.color;
    element.style.color = `var(${name})`;
    const { color } = getComputedStyle(element);
    element.style.color = before;
    return color;
  };
}
