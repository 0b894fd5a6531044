export interface WorkedExample {
  readonly name: string;
  readonly path: string;
  readonly text: string;
}
export function workedExamples(): readonly WorkedExample[] {
  return [];
}
