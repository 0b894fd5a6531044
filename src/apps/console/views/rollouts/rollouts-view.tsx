import { type ReactNode } from 'react';
import type { z } from 'zod';
import type { rolloutListSchema } from '../../../../api/rollout-list-wire.ts';
import { Age } from '../../parts/age.tsx';
import { CopyAs } from '../../parts/copy-as.tsx';
import { ResourceNote } from '../../parts/resource-note.tsx';
import { useTitle } from '../../shell/use-title.ts';
import { useResource } from '../../store/use-resource.ts';

type RolloutList = z.infer<typeof rolloutListSchema>;

export default function RolloutsView(): ReactNode {
  useTitle('Rollouts');
  const list = useResource<RolloutList>('/v1/rollouts?limit=100');
  return (
    <div className="page">
      <header className="page-head">
        <h1>Rollouts</h1>
        <CopyAs cli="tidegate get rollouts" yaml={list.value} />
      </header>
      <ResourceNote of={list} what="rollouts" />
      <table>
        <thead>
          <tr>
            <th>Service</th>
            <th>Phase</th>
            <th>Why</th>
            <th>Age</th>
          </tr>
        </thead>
        <tbody>
          {list.value?.items.map(({ metadata, service, startedAt, status }) => (
            <tr key={metadata.name}>
              <td>{service}</td>
              <td>{status.phase}</td>
              <td>{status.sentence}</td>
              <td>
                <Age at={startedAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
