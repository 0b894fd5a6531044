import { readdir, readFile } from 'node:fs/promises';

/** proc(5): the first field of /proc/PID/task/TID/schedstat is the thread's time on a CPU in ns; here of all threads. */
export async function cpuUsOf(pid: number): Promise<number> {
  let sumNs = 0;
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    // A thread may end between the two readings.
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0');
    sumNs += Number(text.split(' ')[0]);
  }
  return sumNs / 1000;
}

/** The same of a process and all that it has started and that still run. */
export async function cpuUsOfTree(pid: number): Promise<number> {
  let sumUs = await cpuUsOf(pid);
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const text = await readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '');
    for (const child of text.split(' '))
      if (child !== '') sumUs += await cpuUsOfTree(Number(child));
  }
  return sumUs;
}

/** Resident memory now, VmRSS of proc(5). */
export async function residentBytesOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status has no VmRSS`);
  return Number(kilobytes) * 1024;
}
