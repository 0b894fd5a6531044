import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { GatewayIdentity, OwnIdentity } from '../identity/gateway-identity.ts';
import { dnsNamesOf, type CertificatePair } from './certificate-pair.ts';
import { ServedPair } from './certificates.ts';

/**
 * Contexts of handshakes in which callers are asked for a certificate, made of those in which they are not.
 *
 * They give out no tickets: a session that is resumed is not verified again, and a certificate that ended meanwhile would live on.
 */
export class AskingContexts {
  readonly #identity: GatewayIdentity;
  readonly #contexts = new WeakMap<ServedPair, Made>();
  #served: { readonly own: OwnIdentity; readonly pair: ServedPair } | null = null;

  constructor(identity: GatewayIdentity) {
    this.#identity = identity;
  }

  /** The gateway's own certificate, to be served where no other one has the name; null: it has none. */
  get own(): ServedPair | null {
    const { own } = this.#identity;
    if (own === null) return null;
    if (this.#served?.own !== own) this.#served = { own, pair: new ServedPair(pairOf(own)) };
    return this.#served.pair;
  }

  /** As `own`, if it speaks for this host. */
  ownFor(serverName: string): ServedPair | null {
    const { own } = this;
    return own?.pair.dnsNames.includes(serverName.toLowerCase()) === true ? own : null;
  }

  inputOf({ pair }: ServedPair): SecureContextOptions {
    const { secureOptions = 0 } = pair.contextInput;
    return {
      ...pair.contextInput,
      ca: this.#identity.own?.bundlePem ?? '',
      secureOptions: secureOptions | constants.SSL_OP_NO_TICKET,
    };
  }

  contextOf(served: ServedPair): SecureContext {
    const bundlePem = this.#identity.own?.bundlePem ?? '';
    const known = this.#contexts.get(served);
    if (known?.bundlePem === bundlePem) return known.context;
    const context = createSecureContext(this.inputOf(served));
    this.#contexts.set(served, { bundlePem, context });
    return context;
  }
}

interface Made {
  readonly bundlePem: string;
  readonly context: SecureContext;
}

function pairOf({ certificate, clientContext, contextInput }: OwnIdentity): CertificatePair {
  const dnsNames = dnsNamesOf(certificate.subjectAltName);
  const parts = { context: clientContext, contextInput, certificate, dnsNames };
  return { name: 'identity', ...parts, warnings: [] };
}
