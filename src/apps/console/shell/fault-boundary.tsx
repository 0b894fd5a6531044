import { Component, type ReactNode } from 'react';

interface Props {
  readonly children: ReactNode;
}

/** A view that fails leaves the others and the navigation as they are. */
export class FaultBoundary extends Component<Props, { readonly fault: Error | null }> {
  override state: { readonly fault: Error | null } = { fault: null };

  static getDerivedStateFromError(error: unknown): { readonly fault: Error } {
    return { fault: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { fault } = this.state;
    if (fault === null) return this.props.children;
    return (
      <div className="page" role="alert">
        <h1>This view cannot be drawn</h1>
        <p className="note">
          {fault.message}. Reload the page; after an update of the server its files are other ones.
        </p>
        <button type="button" onClick={() => globalThis.location.reload()}>
          Reload
        </button>
      </div>
    );
  }
}
