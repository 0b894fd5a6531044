import { type ComponentType, lazy, type LazyExoticComponent } from 'react';

/** A view is a path; its code is a chunk of its own, fetched when it is first shown. */
export interface View {
  /** As wouter reads it: `/rollouts/:id`. */
  readonly path: string;
  /** Of the browser's tab, before the name of what is shown. */
  readonly title: string;
  /** In the navigation, and the second key after `g` that leads there. Null: reached from other views. */
  readonly navigation: { readonly label: string; readonly key: string } | null;
  readonly component: LazyExoticComponent<ComponentType>;
}

/** In the order of the navigation; the first one that matches is shown. */
export const views: readonly View[] = [
  {
    path: '/rollouts',
    title: 'Rollouts',
    navigation: { label: 'Rollouts', key: 'r' },
    component: lazy(() => import('./views/rollouts/rollouts-view.tsx')),
  },
  {
    path: '/rollouts/:id',
    title: 'Rollout',
    navigation: null,
    component: lazy(() => import('./views/rollout/rollout-view.tsx')),
  },
  {
    path: '/graph',
    title: 'Service graph',
    navigation: { label: 'Graph', key: 'g' },
    component: lazy(() => import('./views/graph/graph-view.tsx')),
  },
  {
    path: '/timeline',
    title: 'Timeline',
    navigation: { label: 'Timeline', key: 't' },
    component: lazy(() => import('./views/timeline/timeline-view.tsx')),
  },
  {
    path: '/evidence',
    title: 'Evidence',
    navigation: { label: 'Evidence', key: 'e' },
    component: lazy(() => import('./views/evidence/evidence-list-view.tsx')),
  },
  {
    path: '/evidence/:id',
    title: 'Evidence',
    navigation: null,
    component: lazy(() => import('./views/evidence/evidence-view.tsx')),
  },
  {
    path: '/approvals',
    title: 'Approvals',
    navigation: { label: 'Approvals', key: 'a' },
    component: lazy(() => import('./views/approvals/approvals-view.tsx')),
  },
  {
    path: '/readiness',
    title: 'Readiness',
    navigation: { label: 'Readiness', key: 'd' },
    component: lazy(() => import('./views/readiness/readiness-view.tsx')),
  },
  {
    path: '/settings',
    title: 'Settings',
    navigation: { label: 'Settings', key: 's' },
    component: lazy(() => import('./views/settings/settings-view.tsx')),
  },
  {
    path: '/login',
    title: 'Sign in',
    navigation: null,
    component: lazy(() => import('./views/login/login-view.tsx')),
  },
];
