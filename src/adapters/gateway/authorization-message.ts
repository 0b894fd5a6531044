import {
  type Authorization,
  authorizationActions,
  authorizationModes,
  type AuthorizationRule,
} from '../../domain/authorization/authorization.ts';
import { list, oneOf, record, text, texts } from './shape.ts';

/** Who may ask what of a route, as the control socket and the kept table carry it; bounds are checked by `checkAuthorization`. */
export function authorization(value: Record<string, unknown>): Authorization {
  return {
    mode: oneOf(value, 'mode', authorizationModes),
    rules: list(value, 'rules').map((item) => rule(record(item, 'rules'))),
  };
}

function rule(value: Record<string, unknown>): AuthorizationRule {
  return {
    name: text(value, 'name'),
    action: oneOf(value, 'action', authorizationActions),
    from: list(value, 'from').map((item) => {
      const source = record(item, 'from');
      return {
        principals: texts(source, 'principals'),
        namespaces: texts(source, 'namespaces'),
        ipBlocks: texts(source, 'ipBlocks'),
      };
    }),
    to: list(value, 'to').map((item) => {
      const operation = record(item, 'to');
      return { methods: texts(operation, 'methods'), paths: texts(operation, 'paths') };
    }),
    when: list(value, 'when').map((item) => {
      const condition = record(item, 'when');
      return { claim: text(condition, 'claim'), values: texts(condition, 'values') };
    }),
    ...(value['place'] === undefined ? {} : { place: text(value, 'place') }),
  };
}
