/** What a person may be to an installation; policies/roles.cedar says what each may do. */
export const roles = ['viewer', 'developer', 'approver', 'operator', 'admin', 'auditor'] as const;

export type Role = (typeof roles)[number];

export function isRole(text: string): text is Role {
  return roles.some((role) => role === text);
}
