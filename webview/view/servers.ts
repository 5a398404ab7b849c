/** Servers started from here or adopted: how each is doing, and what it really takes. */
import type { ServerRow } from '../../src/shared/protocol';
import { engineNames, phaseWords, words } from '../words';
import { button, setSpoken } from './button';
import { h, rowKeeper, setHidden, setText, type Row } from './dom';
import type { Actions, View } from './view';

const phaseIcons: Readonly<Record<ServerRow['phase'], string>> = {
  starting: '◌',
  ready: '●',
  stopping: '◍',
  ended: '○',
  lost: '?',
};

function serverRow(actions: Actions, { id }: ServerRow): Row<ServerRow> {
  const icon = h('span', { class: 'phase-icon', 'aria-hidden': 'true' });
  const title = h('strong', {});
  const phase = h('span', { class: 'aside' });
  const detail = h('p', { class: 'help' });
  const use = h('span', { class: 'figure' });
  const stop = button(words.stop, () => actions.stop(id), { testid: `stop-${id}` });
  const element = h(
    'li',
    { class: 'server', 'data-testid': `server-${id}` },
    icon,
    h(
      'div',
      { class: 'server-text' },
      h('div', { class: 'server-head' }, title, phase, use),
      detail,
    ),
    h(
      'div',
      { class: 'buttons' },
      button(words.openLog, () => actions.open('log', id), { kind: 'link' }),
      button(words.terminal, () => actions.open('terminal', id), { kind: 'link' }),
      stop,
    ),
  );
  return {
    element,
    update(server) {
      element.dataset.phase = server.phase;
      setText(icon, phaseIcons[server.phase]);
      setText(title, server.title);
      setText(phase, `${engineNames[server.engine]} · ${phaseWords[server.phase]}`);
      setText(detail, server.detail);
      setText(use, words.serverUse(server.usedBytes, server.plannedBytes ?? null));
      setHidden(stop, server.phase !== 'starting' && server.phase !== 'ready');
      setSpoken(stop, words.stopServer(server.title));
    },
  };
}

export function serverList(actions: Actions): View {
  const list = h('ul', { class: 'plain', role: 'list' });
  const keep = rowKeeper<ServerRow>(
    list,
    ({ id }) => id,
    (server) => serverRow(actions, server),
  );
  const element = h('section', { class: 'servers' }, h('h2', {}, words.serversHeading), list);
  return {
    element,
    update({ snapshot }) {
      setHidden(element, snapshot.servers.length === 0);
      keep(snapshot.servers);
    },
  };
}
