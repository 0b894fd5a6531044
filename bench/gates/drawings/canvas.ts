import type { BenchTable } from '../../form.ts';
import { html } from '../../../src/apps/cli/report/html-text.ts';
import {
  coordinate,
  type Extent,
  linePath,
  type Scale,
  stepPath,
} from '../../../src/apps/cli/report/plot-scale.ts';

/** A drawing of the guide, made from simulated releases that the product's own gate has judged. */
export interface Drawing {
  /** Name of the file and of the block in the guide. */
  readonly name: string;
  /** Made in a fraction of a second: the test makes it again and compares. */
  readonly isQuick: boolean;
  readonly draw: () => Drawn;
}

export interface Drawn {
  readonly svg: string;
  /** For who doesn't see it; stands in the guide as the picture's text. */
  readonly alt: string;
  /** Stands under it, with the figures that were measured. */
  readonly caption: string;
  /** Figures that are too many for a sentence. */
  readonly table?: BenchTable;
}

export const widthPx = 760;
export const plotLeft = 64;

/** Colours by meaning, light and dark; blue and vermilion are told apart by all (Okabe and Ito 2008). */
const colours = {
  ink: ['#1c2128', '#e6edf3'],
  muted: ['#57606a', '#9da7b3'],
  faint: ['#d8dee4', '#373e47'],
  ours: ['#0072b2', '#56b4e9'],
  bad: ['#c44e00', '#f0883e'],
  peer: ['#6e7781', '#8b949e'],
  third: ['#00795a', '#3fc796'],
  card: ['#ffffff', '#0d1117'],
} as const;
export type Colour = keyof typeof colours;

/** The frame of every drawing: a card with its own background, as nobody knows the page's. */
export function card(
  head: {
    readonly title: string;
    readonly subtitle: string;
    /** What it shows and the seeds it comes from. */
    readonly description: string;
    readonly heightPx: number;
  },
  parts: readonly string[],
): string {
  const { title, subtitle, description, heightPx } = head;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${widthPx} ${heightPx}" width="${widthPx}" role="img" aria-labelledby="title text">`,
    `<title id="title">${html(title)}</title>`,
    `<desc id="text">${html(description)}</desc>`,
    `<style>${styles()}</style>`,
    `<rect class="card edge" x="0.5" y="0.5" width="${widthPx - 1}" height="${heightPx - 1}" rx="8"/>`,
    text(title, { x: 24, y: 34, size: 18, weight: 600 }),
    text(subtitle, { x: 24, y: 56, colour: 'muted' }),
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function styles(): string {
  const theme = (index: 0 | 1): string =>
    Object.entries(colours)
      .map(([name, pair]) => `.${name}{fill:${pair[index]}}.${name}-line{stroke:${pair[index]}}`)
      .join('');
  const edge = (index: 0 | 1): string => `.edge{stroke:${colours.faint[index]}}`;
  return `text{font:13px system-ui,-apple-system,"Segoe UI","Helvetica Neue",sans-serif}path{fill:none}${theme(0)}${edge(0)}@media (prefers-color-scheme:dark){${theme(1)}${edge(1)}}`;
}

export interface TextStyle {
  readonly x: number;
  readonly y: number;
  readonly colour?: Colour;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly size?: number;
  readonly weight?: number;
}

export function text(
  words: string,
  { x, y, colour = 'ink', anchor, size, weight }: TextStyle,
): string {
  const style = [
    size === undefined ? '' : `font-size:${size}px`,
    weight === undefined ? '' : `font-weight:${weight}`,
  ].filter((each) => each !== '');
  const styled = style.length === 0 ? '' : ` style="${style.join(';')}"`;
  const anchored = anchor === undefined ? '' : ` text-anchor="${anchor}"`;
  return `<text class="${colour}" x="${coordinate(x)}" y="${coordinate(y)}"${anchored}${styled}>${html(words)}</text>`;
}

export interface LineStyle {
  readonly colour: Colour;
  readonly width?: number;
  readonly dash?: string;
  readonly opacity?: number;
}

export function stroke(path: string, { colour, width = 1.5, dash, opacity }: LineStyle): string {
  const dashed = dash === undefined ? '' : ` stroke-dasharray="${dash}"`;
  const faded = opacity === undefined ? '' : ` stroke-opacity="${opacity}"`;
  return `<path class="${colour}-line" stroke-width="${width}"${dashed}${faded} stroke-linejoin="round" d="${path}"/>`;
}

export type Points = readonly (readonly [x: number, y: number])[];

export function line(points: Points, style: LineStyle): string {
  return stroke(linePath(points), style);
}

export function steps(points: Points, style: LineStyle): string {
  return stroke(stepPath(points), style);
}

/** The surface between an upper line and a lower one, both kept until their next point. */
export function band(upper: Points, lower: Points, colour: Colour): string {
  const back = lower.toReversed();
  const backPath = back
    .map(([x, y], index) => {
      const next = back[index - 1];
      return next === undefined
        ? `L${coordinate(x)} ${coordinate(y)}`
        : `V${coordinate(y)}H${coordinate(x)}`;
    })
    .join('');
  return `<path class="${colour}" style="fill-opacity:0.18" d="${stepPath(upper)}${backPath}Z"/>`;
}

export function dot(x: number, y: number, colour: Colour, radius = 5): string {
  return `<circle class="${colour}" cx="${coordinate(x)}" cy="${coordinate(y)}" r="${radius}"/>`;
}

export function box(
  from: readonly [x: number, y: number],
  to: readonly [x: number, y: number],
  colour: Colour,
  opacity = 1,
): string {
  const [width, height] = [to[0] - from[0], to[1] - from[1]];
  return `<rect class="${colour}" style="fill-opacity:${opacity}" x="${coordinate(from[0])}" y="${coordinate(from[1])}" width="${coordinate(width)}" height="${coordinate(height)}"/>`;
}

export interface Panel {
  readonly x: Scale;
  readonly y: Scale;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface Tick {
  readonly at: number;
  readonly label: string;
}

export function yAxis(panel: Panel, ticks: readonly Tick[], title: string): string[] {
  return [
    ...ticks.flatMap(({ at, label }) => {
      const y = panel.y(at);
      return [
        stroke(`M${panel.left} ${coordinate(y)}H${panel.right}`, { colour: 'faint', width: 1 }),
        text(label, { x: panel.left - 8, y: y + 4.5, colour: 'muted', anchor: 'end' }),
      ];
    }),
    text(title, { x: 24, y: panel.top - 12, colour: 'muted' }),
  ];
}

export function xAxis(panel: Panel, ticks: readonly Tick[], title: string): string[] {
  const last = panel.bottom + 38;
  return [
    ...ticks.flatMap(({ at, label }) => {
      const x = panel.x(at);
      return [
        stroke(`M${coordinate(x)} ${panel.bottom}v5`, { colour: 'muted', width: 1 }),
        text(label, { x, y: panel.bottom + 20, colour: 'muted', anchor: 'middle' }),
      ];
    }),
    text(title, { x: panel.right, y: last, colour: 'muted', anchor: 'end' }),
  ];
}

/** Labels at the ends of lines, moved apart so that none covers another. */
export function spread<Label extends { readonly y: number }>(
  labels: readonly Label[],
  { min, max }: Extent,
  gapPx = 16,
): Label[] {
  const sorted = labels.toSorted((a, b) => a.y - b.y);
  let from = min;
  const down = sorted.map((label) => {
    const y = Math.max(label.y, from);
    from = y + gapPx;
    return { ...label, y };
  });
  let to = max;
  return down
    .toReversed()
    .map((label) => {
      const y = Math.min(label.y, to);
      to = y - gapPx;
      return { ...label, y };
    })
    .toReversed();
}

export function thousands(count: number): string {
  return String(Math.round(count)).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}
