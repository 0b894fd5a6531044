import assert from 'node:assert/strict';
import test from 'node:test';
import { exampleFile } from './example-file.ts';
import { parseReleaseFiles } from './parse-release-files.ts';
import { formatProblem } from './problem.ts';

/**
 * Rows of a table: `what stands in the example => what stands there instead`, then, indented, the problems this makes
 * at lines and columns of the example. Characters that cannot stand in a row have names.
 */
interface Row {
  readonly from: string;
  readonly to: string;
  readonly want: readonly string[];
}

const characters = { LF: '\n', NUL: '\0', TAB: '\t', FFFD: '\uFFFD', D800: '\uD800' };

function rowsOf(table: string): readonly Row[] {
  const blocks = table.slice(1, -1).split(/\n(?! {4})/);
  return blocks.map((block) => {
    const [edit = '', ...problems] = block.split('\n').map(withCharacters);
    const [from = '', to = ''] = edit.split(/ ?=> /);
    return { from, to, want: problems.map((problem) => problem.slice(4)) };
  });
}

function withCharacters(line: string): string {
  return Object.entries(characters).reduce(
    (text, [name, sign]) => text.replaceAll(`<${name}>`, sign),
    line,
  );
}

/** Places and messages of one file, without the drawing of the line. */
function problemsOf(text: string): string[] {
  const { services, problems } = parseReleaseFiles([{ path: 'f', text }]);
  assert.deepEqual(services, []);
  return problems.map((problem) => formatProblem(problem).split('\n')[0]?.slice('f:'.length) ?? '');
}

function checkEdits(table: string): void {
  const rows = rowsOf(table);
  assert.ok(rows.length > 10, 'the table is read');
  for (const { from, to, want } of rows) {
    assert.equal(exampleFile.split(from).length, 2, `"${from}" stands once in the example`);
    const text = exampleFile.replace(from, () => to);
    assert.deepEqual(problemsOf(text), want, `${from} => ${to}`);
  }
}

test('unknown keys are refused with the nearest known one', () => {
  checkEdits(String.raw`
ready: => raedy:
    7:13: unknown key "raedy"; did you mean "ready"?
  port: =>   prot:
    6:3: unknown key "prot"; did you mean "port"?
metadata: => metdata:
    3:1: unknown key "metdata"; did you mean "metadata"?
steps: [1% => steps: [{ wieght: 1%, weight: 1% }
    16:15: unknown key "wieght"; did you mean "weight"?
falseRollback: => falserollback:
    17:13: unknown key "falserollback"; did you mean "falseRollback"?
success: => p999:
    12:7: item 1 of "objectives" must have exactly one of success, p50, p90, p95, p99; it has none
    12:29: unknown key "p999"; did you mean "p99"?
  bake: 5m =>   color: blue
    18:5: unknown key "color"; known are strategy, steps, blueGreen, rolling, recreate, gate, bake
bake: 5m => <<: { bake: 5m }
    18:5: merge keys (<<) are not supported
labels: { team: shop } => namespace: shop
    3:29: unknown key "namespace"; known are name, labels, annotations
max: 10 => max: 10, toZero: 30s
    9:37: "toZero" must be a mapping, not the text "30s"
timeout: 2s => cache: { ttl: 25h }
    10:54: "ttl" is longer than "ttlMax"
command: [node, server.js] => command: [a], image: shop:1
    5:24: not supported yet: spec.run.image; remove it
[1% => [{ wieght: 1% }
    16:15: unknown key "wieght"; did you mean "weight"?
[1% => [{ wait: 1% }
    16:13: item 1 of "steps" has no "weight"
    16:15: unknown key "wait"; known are weight, gate, pause, approval, approvals, match, matches, mirror, flags, atLeast
[1% => [{ weight: 1%, mirror: true }
    16:35: "mirror" must be a percentage such as 10%, not true
env: { GREETING: hello } => __proto__: { a: b }
    5:38: the key "__proto__" is not allowed
`);
});

test('values of the wrong type are refused with a way to write them', () => {
  checkEdits(String.raw`
[node, server.js] => node server.js
    5:19: "command" must be a list, not the text "node server.js"; write [node, server.js]
[node, server.js] => [node, 1.0]
    5:26: item 2 of "command" must be a text, not 1.0; write it in quotes: "1.0"
[node, server.js] => []
    5:19: "command" must have at least one item
[node, server.js] => ["", x]
    5:20: item 1 of "command" must name the program to start
[node, server.js] => 
    5:19: "command" must be a list, but is empty
command: [node, server.js],  => 
    5:3: "run" has no "command"
run: { command: [node, server.js], env: { GREETING: hello } } => run: node
    5:8: "run" must be a mapping, not the text "node"
hello => 0x10
    5:55: "GREETING" must be a text, not 0x10; write it in quotes: "0x10"
hello => true
    5:55: "GREETING" must be a text, not true; write it in quotes: "true"
hello => ~
    5:55: "GREETING" must be a text, but is empty
hello => [a]
    5:55: "GREETING" must be a text, not a list
port: 8080 => port: "8080"
    6:9: "port" must be a whole number, not the text "8080"; write 8080 without quotes
port: 8080 => port:
    6:8: "port" must be a whole number, but is empty
port: 8080 => port: .nan
    6:9: "port" must be a whole number, not NaN
[payments] => payments
    8:14: "dependsOn" must be a list, not the text "payments"; write [payments]
[payments] => { payments: true }
    8:14: "dependsOn" must be a list, not a mapping
min: 3 => min: three
    9:17: "min" must be a whole number, not the text "three"
- { name: latency, p95: 500ms } => - latency
    13:7: item 2 of "objectives" must be a mapping, not the text "latency"
strategy: canary => strategy: [canary]
    15:15: "strategy" must be a text, not a list
[1% => [{ weight: 1%, gate: yes }
    16:33: "gate" must be true or false, not the text "yes"
[1% => [[1%]
    16:13: item 1 of "steps" must be a percentage such as 5%, not a list
[1% => [{ weight: 1%, match: { header: x-canary, value: true } }
    16:61: "value" must be a text, not true; write it in quotes: "true"
[1%, 5%, 25%, 50%, 100%] => 5%
    16:12: "steps" must be a list, not the text "5%"; write [5%]
bake: 5m => bake: { for: 5m }
    18:11: "bake" must be a duration such as 5m, not a mapping
/readyz => 404
    7:20: "ready" must be a text, not 404; write it in quotes: "404"
`);
});

test('units and ranges are checked', () => {
  checkEdits(String.raw`
timeout: 2s => timeout: 2
    10:49: "timeout" must be a duration such as 15s, not 2; did you mean "2s"?
timeout: 2s => timeout: "2"
    10:49: "timeout" must be a duration such as 15s, not "2"; did you mean "2s"?
timeout: 2s => timeout: 2sec
    10:49: "timeout" must be a duration such as 15s, not "2sec"; did you mean "2s"?
timeout: 2s => timeout: 2h
    10:49: "timeout" must be 1ms to 1h, not "2h"
timeout: 2s => timeout: -2s
    10:49: "timeout" must be a duration such as 15s, not "-2s"; units are h, m, s and ms
timeout: 2s => timeout: 0.1ms
    10:49: "timeout" must be 1ms to 1h, not "0.1ms"
timeout: 2s => timeout: 1s 5
    10:49: "timeout" must be a duration such as 15s, not "1s 5"; units are h, m, s and ms
timeout: 2s => timeout: 1s1m
    10:49: "timeout" must be a duration such as 15s, not "1s1m"; units are h, m, s and ms
timeout: 2s => timeout: ""
    10:49: "timeout" must be a duration such as 15s, not ""; units are h, m, s and ms
timeout: 2s => timeout: .inf
    10:49: "timeout" must be a duration such as 15s, not .inf
timeout: 2s => timeout: -1
    10:49: "timeout" must be a duration such as 15s, not -1
bake: 5m => bake: 1d
    18:11: "bake" must be a duration such as 5m, not "1d"; did you mean "24h"?
bake: 5m => bake: 169h
    18:11: "bake" must be 0s to 168h, not "169h"
soak: 30s => soak: 30s, beforeAfter: loud
    17:75: "beforeAfter" must be off, warn, hold or roll-back, not "loud"
soak: 30s => soak: 30s, beforeAfter: true
    17:75: "beforeAfter" must be off, warn, hold or roll-back, not true; put it in quotes
soak: 30s => soak: 0.0005s
    17:57: "soak" must be a whole number of milliseconds, not "0.0005s"
500ms => 500
    13:29: "p95" must be a duration such as 500ms, not 500; did you mean "500ms"?
500ms => 61s
    13:29: "p95" must be 1ms to 1m, not "61s"
99% => 99
    12:38: "success" must be a percentage such as 99%, not 99; did you mean "99%"?
99% => 0.99
    12:38: "success" must be a percentage such as 99%, not 0.99; did you mean "99%" or "0.99%"?
99% => 100%
    12:38: "success" must be 1% to less than 100%, not "100%"
99% => 99.99999999999999%
    12:38: "success" must be a percentage such as 99%, not "99.99999999999999%"
99% => 99pp
    12:38: "success" must be a percentage such as 99%, not "99pp"; did you mean "99%"?
99% => 99 percent
    12:38: "success" must be a percentage such as 99%, not "99 percent"; did you mean "99%"?
0.25pp => 0.25
    17:43: "worseBy" must be a percentage such as 0.25pp, not 0.25; did you mean "0.25pp"?
0.25pp => 0.001pp
    17:43: "worseBy" must be 0.01pp to 50pp, not "0.001pp"
0.1%, => 50%,
    17:28: "falseRollback" must be 0.0001% to less than 50%, not "50%"
0.1%, => 0%,
    17:28: "falseRollback" must be 0.0001% to less than 50%, not "0%"
0.1%, => -1%,
    17:28: "falseRollback" must be a percentage such as 0.1%, not "-1%"
[1% => [0%
    16:13: item 1 of "steps" must be 0.1% to 100%, not "0%"
[1% => [0.05%
    16:13: item 1 of "steps" must be 0.1% to 100%, not "0.05%"
[1% => [0.15%
    16:13: item 1 of "steps" must be a multiple of 0.1%, not 0.15%
[1% => [1
    16:13: item 1 of "steps" must be a percentage such as 5%, not 1; did you mean "1%"?
100%] => 101%]
    16:31: item 5 of "steps" must be 0.1% to 100%, not "101%"
port: 8080 => port: 0
    6:9: "port" must be 1 to 65535, not 0
port: 8080 => port: 65536
    6:9: "port" must be 1 to 65535, not 65536
port: 8080 => port: 80.5
    6:9: "port" must be a whole number, not 80.5
min: 3 => min: 0
    9:17: "min" may be 0 only with "on: { concurrency: ... }", as nothing else starts an instance again; write 1
max: 10 => max: 1001
    9:25: "max" must be 1 to 1000, not 1001
min: 3 => min: -1
    9:17: "min" must be 0 to 1000, not -1
`);
});

test('names, hosts, paths and headers are checked', () => {
  checkEdits(String.raw`
name: checkout, => name: Checkout,
    3:19: "name" must be a name of lower-case letters, digits and inner hyphens, not "Checkout"; did you mean "checkout"?
name: checkout, => name: -checkout,
    3:19: "name" must be a name of lower-case letters, digits and inner hyphens, not "-checkout"
name: checkout, => name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,
    3:19: "name" must have at most 63 characters, not 64
name: checkout, => name: "",
    3:19: "name" must be a name of lower-case letters, digits and inner hyphens, not empty
checkout.localhost => Checkout.localhost
    10:20: "host" must be a host such as shop.localhost, not "Checkout.localhost"; did you mean "checkout.localhost"?
checkout.localhost => checkout.localhost:8080
    10:20: "host" must be a host such as shop.localhost, not "checkout.localhost:8080"; leave the port out
checkout.localhost => http://checkout
    10:20: "host" must be a host such as shop.localhost, not "http://checkout"
checkout.localhost => "*.localhost"
    10:20: "host" must be a host such as shop.localhost, not "*.localhost"
/readyz => readyz
    7:20: "ready" must be a path such as /readyz, not "readyz"; did you mean "/readyz"?
/livez => "/live z"
    7:35: "live" must be a path such as /readyz, not "/live z"
GREETING: => PORT:
    5:45: "PORT" is set for each instance and cannot be given; remove it
GREETING: => 9LIVES:
    5:45: "9LIVES" must be a name of letters, digits and underscores that begins with no digit, not "9LIVES"
GREETING: => GREE-TING:
    5:45: "GREE-TING" must be a name of letters, digits and underscores that begins with no digit, not "GREE-TING"
team: shop => te/am/x: shop
    3:39: "te/am/x" must be a label key such as team or example.com/team, not "te/am/x"
team: shop => team: -shop
    3:45: "team" must be letters and digits, with inner "-", "_" and ".", not "-shop"
[payments] => [Payments]
    8:15: item 1 of "dependsOn" must be a name of lower-case letters, digits and inner hyphens, not "Payments"; did you mean "payments"?
name: latency => name: la tency
    13:15: "name" must be a name of lower-case letters, digits and inner hyphens, not "la tency"
[1% => [{ weight: 1%, match: { header: "x canary", value: a } }
    16:44: "header" must be a header name such as x-canary, not "x canary"
[1% => [{ weight: 1%, match: { header: x-canary, value: "a\nb" } }
    16:61: "value" must be a header value in visible ASCII, not "a\nb"
hello => "a\0b"
    5:55: "GREETING" must not hold a NUL character
`);
});

test('what must fit together is checked', () => {
  checkEdits(String.raw`
[1%, 5% => [5%, 5%
    16:17: "weight" must be more than the 5% before it, not 5%
[1%, 5%, 25% => [1%, 25%, 5%
    16:22: "weight" must be more than the 25% before it, not 5%
50%, 100%] => 100%, 50%]
    16:32: "weight" must be more than the 100% before it, not 50%
[1%, 5%, 25%, 50%, 100%] => []
    16:12: "steps" must have at least one item
[1% => [{ weight: 1%, pause: 5s, approval: true }
    16:34: "pause" cannot stand beside "approval": a step waits for a time or for a person
[1% => [{ weight: 1%, approval: true, approvals: { roles: { sre: 1 } } }
    16:54: "approvals" cannot stand beside "approval": a step waits for one thing
[1% => [{ weight: 1%, approvals: { roles: { SRE: 1 } } }
    16:49: "SRE" must be a role of a-z, 0-9 and '-', from a letter on, not "SRE"; did you mean "sre"?
[1% => [{ weight: 1%, approvals: { roles: {} } }
    16:47: "roles" must have 1 to 8 roles, not 0; as { sre: 1, owner: 1 }
[1% => [{ weight: 1%, approvals: { roles: { sre: 0 } } }
    16:54: "sre" must be 1 to 10, not 0
100%] => { weight: 100%, approvals: { roles: { sre: 1 } } }]
    16:58: "approvals" come too late at 100%: what is approved has happened by then; put them on the step before
100%] => { weight: 100%, gate: true }]
    16:53: "gate" cannot be true at 100%: no stable traffic is left to compare with; remove it; "bake" watches after 100%
max: 10 => max: 2
    9:25: "max" is 2, less than "min" (3)
atMost: 10m => onTimeLimit: rollback
    17:75: "onTimeLimit" must be hold, extend, widen or roll-back, not "rollback"
soak: 30s => soak: 11m
    17:70: "atMost" is 10m, shorter than "soak" (11m)
[payments] => [payments, payments]
    8:25: item 2 of "dependsOn" names "payments" twice
[payments] => [checkout]
    8:15: service "checkout" depends on itself
p95: 500ms => p95: 500ms, p99: 1s
    13:7: item 2 of "objectives" must have exactly one of success, p50, p90, p95, p99; it has p95 and p99
, p95: 500ms => 
    13:7: item 2 of "objectives" must have exactly one of success, p50, p90, p95, p99; it has none
name: latency => name: availability
    13:15: "name" "availability" is the name of an earlier objective
strategy: canary => strategy: yolo
    15:15: "strategy" must be canary, blueGreen, rolling or recreate, not "yolo"
`);
});

test('faults of syntax are placed', () => {
  checkEdits(String.raw`
  port: 8080 =>   port: 8080<LF>  port: 8081
    7:3: key "port" stands twice; first on line 6
{ GREETING: hello } => { A: x, A: y }
    5:51: key "A" stands twice; first on line 5
  port: 8080 => <TAB>port: 8080
    6:1: a tab is used for indentation; indent with spaces
  port: 8080 =>   port:8080
    6:3: this is no "key: value"; a space must follow the colon
  port: 8080 =>    port: 8080
    6:1: this is indented differently from the keys before it
[payments] => [payments
    9:3: a list or mapping in brackets is not closed before this by ]
hello => "hello
    5:55: this quote is never closed
strategy: canary => strategy: canary: now
    15:15: a mapping inside a one-line value; indent it on the next line, or quote a text that holds ": "
hello => *missing
    5:55: alias "missing" has no anchor before it
hello => &a [*a]
    5:59: alias "a" stands within its own anchor
hello => !secret hello
    5:55: YAML tags (!name) are not allowed here
hello => !!binary aGVsbG8=
    5:64: YAML tags (!name) are not allowed here
hello => @hello
    5:55: not valid YAML: Plain value cannot start with reserved character @
{ GREETING: hello } => { [a]: b }
    5:45: a key must be a plain text
  port: 8080 =>   : 8080
    6:1: a key is missing before ":"
hello => "\q"
    5:56: not valid YAML: Invalid escape sequence \q
hello => a<NUL>b
    5:56: the file holds a NUL byte; save it as plain text in UTF-8
hello => h<FFFD>llo
    5:56: the file is not valid UTF-8; save it as plain text in UTF-8
hello => h<D800>llo
    5:56: the file is not valid UTF-8; save it as plain text in UTF-8
`);
});

test('envelopes and whole files are checked', () => {
  for (const { to, want } of rowsOf(String.raw`
=> 
    1:1: the file is empty; a document begins with "apiVersion: tidegate.dev/v1"
=>   <LF><LF>
    1:1: the file is empty; a document begins with "apiVersion: tidegate.dev/v1"
=> # only<LF># comments<LF>
    1:1: the file holds no document, only comments; a document begins with "apiVersion: tidegate.dev/v1"
=> ---<LF>---<LF>
    1:1: the file holds no document, only comments; a document begins with "apiVersion: tidegate.dev/v1"
=> just text
    1:1: a document must be a mapping with apiVersion, kind, metadata and spec
=> []
    1:1: a document must be a mapping with apiVersion, kind, metadata and spec; separate documents by a line of "---"
=> [{"apiVersion": "tidegate.dev/v1"}]
    1:1: a document must be a mapping with apiVersion, kind, metadata and spec; separate documents by a line of "---"
=> kind: Service<LF>
    1:1: the document has no "apiVersion"; write "apiVersion: tidegate.dev/v1"
=> apiVersion: apps/v1<LF>kind: Deployment<LF>
    1:13: "apiVersion" must be tidegate.dev/v1, not "apps/v1"
=> apiVersion: tidegate.dev/v2<LF>kind: Service<LF>
    1:13: "apiVersion" must be tidegate.dev/v1, not "tidegate.dev/v2"
=> apiVersion:<LF>kind: Service<LF>
    1:12: "apiVersion" must be tidegate.dev/v1, not empty
=> apiVersion: tidegate.dev/v1<LF>
    1:1: the document has no "kind"; write "kind: Service"
=> apiVersion: tidegate.dev/v1<LF>kind: Release<LF>
    2:7: not supported yet: kind Release; supported is Service
=> apiVersion: tidegate.dev/v1<LF>kind: Policy<LF>
    2:7: kind Policy is for tidegate backtest alone; give it to tidegate backtest --policy
=> apiVersion: tidegate.dev/v1<LF>kind: LoadTest<LF>
    2:7: not supported yet: kind LoadTest; supported is Service
=> apiVersion: tidegate.dev/v1<LF>kind: service<LF>
    2:7: unknown kind "service"; did you mean "Service"?
=> apiVersion: tidegate.dev/v1<LF>kind: Deployment<LF>
    2:7: unknown kind "Deployment"; supported is Service
=> apiVersion: tidegate.dev/v1<LF>kind: 5<LF>
    2:7: unknown kind 5; supported is Service
=> apiVersion: tidegate.dev/v1<LF>kind: Service<LF>
    1:1: the document has no "metadata"
    1:1: the document has no "spec"
=> apiVersion: tidegate.dev/v1<LF>kind: Service<LF>metadata:<LF>spec: 5<LF>
    3:10: "metadata" must be a mapping, but is empty
    4:7: "spec" must be a mapping, not 5
=> %YAML 1.1<LF>---<LF>apiVersion: tidegate.dev/v1<LF>
    1:1: release files are YAML 1.2; remove the %YAML line
=> <NUL><NUL>
    1:1: the file holds a NUL byte; save it as plain text in UTF-8
=> PK<FFFD>
    1:5: the file is not valid UTF-8; save it as plain text in UTF-8
=> apiVersion: tidegate.dev/v1<LF>kind: Release<LF>---<LF>apiVersion: tidegate.dev/v1<LF>kind: Stage<LF>
    2:7: not supported yet: kind Release; supported is Service
    5:7: not supported yet: kind Stage; supported is Service
`)) {
    assert.deepEqual(problemsOf(to), want, JSON.stringify(to));
  }
});
