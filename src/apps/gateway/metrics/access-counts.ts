import type {
  AuthorizationAction,
  AuthorizationMode,
} from '../../../domain/authorization/authorization.ts';
import type { MetricFamily } from './metric-family.ts';

/** Requests of services that say who may ask, by what decided. Whose they were is not told, as there is no end of callers. */
export class AccessCounts {
  readonly #counts = new Map<string, { labels: Record<string, string>; value: number }>();

  /** `none`: no rule allowed it. */
  count(service: string, mode: AuthorizationMode, action: AuthorizationAction | 'none'): void {
    const name = `${service}\0${mode}${action}`;
    const known = this.#counts.get(name);
    if (known !== undefined) {
      known.value += 1;
      return;
    }
    const labels = { tidegate_service: service, tidegate_mode: mode, tidegate_action: action };
    this.#counts.set(name, { labels, value: 1 });
  }

  families(): readonly MetricFamily[] {
    return [
      {
        kind: 'counter',
        merge: 'sum',
        name: 'tidegate_gateway_authorizations',
        help: 'Requests by the action of the rule that decided; none: no rule allowed it. In the mode audit all are served.',
        points: [...this.#counts.values()],
      },
    ];
  }
}
