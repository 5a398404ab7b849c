/** Doors to the machine: each file opens one port of `app/ports`; this one opens all that need nothing of VS Code. */
import type { Clock, Exec, Files, Http, Net, ProcessTable } from '../app/ports';
import { openClock } from './clock';
import { openExec } from './exec';
import { openFiles } from './files';
import { openHttp } from './http';
import { openNet } from './net';
import { openProcessTable } from './processTable';

export interface SystemPorts {
  readonly exec: Exec;
  readonly http: Http;
  readonly files: Files;
  readonly net: Net;
  readonly table: ProcessTable;
  readonly clock: Clock;
}

export function openSystem(): SystemPorts {
  return {
    exec: openExec(),
    http: openHttp(),
    files: openFiles(),
    net: openNet(),
    table: openProcessTable(),
    clock: openClock(),
  };
}
