/** Doors to the machine: each file opens one port of `app/ports`; this one opens all that need nothing of VS Code. */
import type { MachinePorts } from '../app/ports';
import { openClock } from './clock';
import { openExec } from './exec';
import { openFiles } from './files';
import { openHttp } from './http';
import { openNet } from './net';
import { openProcessTable } from './processTable';

export function openSystem(): MachinePorts {
  return {
    exec: openExec(),
    http: openHttp(),
    files: openFiles(),
    net: openNet(),
    table: openProcessTable(),
    clock: openClock(),
  };
}
