/** For tests of this folder: a file that uses most of the format. Tables of refusals name its lines and columns. */
export const exampleFile = `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: checkout, labels: { team: shop } }
spec:
  run: { command: [node, server.js], env: { GREETING: hello } }
  port: 8080
  health: { ready: /readyz, live: /livez, stopGrace: 30s }
  dependsOn: [payments]
  scale: { min: 3, max: 10 }
  traffic: { host: checkout.localhost, timeout: 2s }
  objectives:
    - { name: availability, success: 99% }
    - { name: latency, p95: 500ms }
  rollout:
    strategy: canary
    steps: [1%, 5%, 25%, 50%, 100%]
    gate: { falseRollback: 0.1%, worseBy: 0.25pp, soak: 30s, atMost: 10m }
    bake: 5m
`;
