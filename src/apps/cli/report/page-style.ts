/** The page's look. Pairs of ink and ground have a contrast of at least 4.5 (WCAG 2.2, 1.4.3) in light and in dark. */
export const pageStyle = `:root {
  --ground: #fbfbf9; --sheet: #ffffff; --ink: #1d2326; --muted: #5d6b72; --line: #dfe4e4; --grid: #ebefee;
  --good: #1a6e45; --good-ground: #e3f3ea; --bad: #a8321f; --bad-ground: #fbe8e4; --back: #875400; --back-ground: #faefd9;
  --wanted: #7b8a91; --measured: #0b6aa2; --against: #b23a22; --for: #1f7a4d; --mark: #ece6f4; --mark-ink: #62488b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14181a; --sheet: #1b2023; --ink: #e4e9ea; --muted: #98a6ac; --line: #31393d; --grid: #272e32;
    --good: #74d3a1; --good-ground: #173426; --bad: #ff9d8a; --bad-ground: #43211b; --back: #f0bd6a; --back-ground: #3b2e16;
    --wanted: #8e9ca3; --measured: #65b9ee; --against: #ff8f78; --for: #6bd09a; --mark: #2f2940; --mark-ink: #c7b2ee;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
}
main { max-width: 54rem; margin: 0 auto; padding: 3rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; font-weight: 650; letter-spacing: -0.015em; margin: 0 0 0.6rem; }
h2 { font-size: 1.2rem; line-height: 1.35; font-weight: 620; margin: 0 0 0.7rem; }
h3 { font-size: 1rem; font-weight: 620; margin: 1.6rem 0 0.2rem; }
p { margin: 0 0 0.9rem; }
section { margin-top: 2.6rem; }
.rollout { background: var(--sheet); border: 1px solid var(--line); border-radius: 10px; padding: 1.4rem 1.5rem 1.2rem; margin-top: 1.6rem; }
.kicker { color: var(--muted); font-size: 0.85rem; margin: 0 0 0.3rem; }
.lead { font-size: 1.1rem; }
.lead.good { color: var(--good); }
.lead.bad, p.bad { color: var(--bad); }
.muted { color: var(--muted); font-weight: 400; }
code { font: 0.86em/1.4 ui-monospace, "SFMono-Regular", Menlo, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: 0.6rem 2rem; margin: 0; }
.facts > div { min-width: 0; }
.facts dt { color: var(--muted); font-size: 0.82rem; }
.facts dd { margin: 0; }
.badge { display: inline-block; padding: 0.08em 0.6em; border-radius: 99px; font-size: 0.82rem; line-height: 1.6; font-weight: 600; white-space: nowrap; vertical-align: 0.08em; }
.badge.good, .good > .badge { color: var(--good); background: var(--good-ground); }
.badge.bad, .bad > .badge { color: var(--bad); background: var(--bad-ground); }
.badge.back { color: var(--back); background: var(--back-ground); }
.criteria { list-style: none; margin: 0; padding: 0; border-top: 1px solid var(--line); }
.criteria li { display: grid; grid-template-columns: 4.6rem 1fr; column-gap: 0.9rem; align-items: baseline; padding: 0.6rem 0; border-bottom: 1px solid var(--line); }
.criteria strong { font-weight: 600; }
.measured-value { margin-right: 0.8em; }
.table { overflow-x: auto; margin: 0 0 0.6rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
th { color: var(--muted); font-weight: 500; font-size: 0.82rem; text-align: left; white-space: nowrap; }
th, td { padding: 0.42rem 1.1rem 0.42rem 0; border-bottom: 1px solid var(--line); vertical-align: baseline; }
th:last-child, td:last-child { padding-right: 0; }
th.figure, td.figure { text-align: right; white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; }
details { margin-top: 1rem; }
summary { cursor: pointer; color: var(--muted); font-size: 0.92rem; }
details .table { margin-top: 0.5rem; }
figure { margin: 0.4rem 0 1rem; overflow-x: auto; }
figcaption { color: var(--muted); font-size: 0.82rem; line-height: 1.45; margin-top: 0.3rem; }
svg { display: block; width: 100%; min-width: 34rem; height: auto; }
svg text { font-family: inherit; fill: var(--ink); }
svg .panel { font-size: 13px; font-weight: 600; }
svg .tick { font-size: 12px; fill: var(--muted); font-variant-numeric: tabular-nums; }
svg .note { font-size: 12px; fill: var(--mark-ink); }
svg .note.strong { font-weight: 600; fill: var(--ink); }
svg path { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .grid { stroke: var(--grid); stroke-width: 1; }
svg .wanted { stroke: var(--wanted); stroke-dasharray: 5 4; }
svg .measured { stroke: var(--measured); }
svg .dot { fill: var(--measured); }
svg .against { stroke: var(--against); }
svg .for { stroke: var(--for); stroke-dasharray: 9 3; }
svg .limit { stroke-width: 1.2; stroke-dasharray: 2 4; }
svg .decision { stroke: var(--ink); stroke-width: 1.2; }
svg .mark { fill: var(--mark); }
@media print { body { background: none; } main { max-width: none; padding: 0; } .rollout { break-inside: avoid; } }`;
