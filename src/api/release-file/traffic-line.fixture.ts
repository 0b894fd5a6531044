import { parseReleaseFiles } from './parse-release-files.ts';
import { formatProblem } from './problem.ts';

/** A service whose traffic is this line, from line 7 and column 5 on: its policy, and the first line of each problem. */
export function parsedTraffic(line: string) {
  const text = `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: web }
spec:
  run: { command: [node, a.js] }
  traffic:
    ${line}
`;
  const { services, problems } = parseReleaseFiles([{ path: 'f', text }]);
  const told = problems.map((problem) => formatProblem(problem).split('\n')[0] ?? '');
  return { policy: services[0]?.traffic.policy, told };
}
