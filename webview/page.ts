/** Puts the parts together: what runs now → what you want → what it costs → deploy. */
import { words } from './words';
import { adviceView } from './view/advice';
import { ollamaControls, vllmAdvanced } from './view/advanced';
import { contextLength } from './view/contextLength';
import { h, presence } from './view/dom';
import { firstRun } from './view/firstRun';
import { gpuHeader } from './view/gpus';
import { commandView, launchBar } from './view/launch';
import { memoryBars } from './view/memoryBar';
import { compareView } from './view/compare';
import { modelChoice } from './view/modelChoice';
import { mustStopView } from './view/mustStop';
import { serverList } from './view/servers';
import { utilizationControl } from './view/utilization';
import { verdictView } from './view/verdict';
import type { Actions, PageModel, View } from './view/view';

export type FocusTarget = 'model' | 'utilization' | 'deploy';

export interface Page {
  readonly element: HTMLElement;
  update(model: PageModel): void;
  focus(target: FocusTarget): void;
}

export function createPage(actions: Actions): Page {
  const model = modelChoice(actions);
  const utilization = utilizationControl(actions);
  const showUtilization = presence(utilization.element);
  const launch = launchBar(actions);
  const header = gpuHeader(actions);
  const form: View[] = [
    model,
    utilization,
    contextLength(actions),
    ollamaControls(actions),
    vllmAdvanced(actions),
  ];
  const verdict = verdictView(actions);
  const cost: View[] = [
    firstRun(actions),
    verdict,
    compareView(actions, () => verdict.focus()),
    memoryBars(),
    mustStopView(actions),
    adviceView(actions),
    commandView(actions),
  ];
  const servers = serverList(actions);
  const views: View[] = [header, ...form, ...cost, servers, launch];
  const section = (name: string, heading: string, parts: View[]): HTMLElement =>
    h('section', { class: name }, h('h2', {}, heading), ...parts.map((part) => part.element));
  const element = h(
    'main',
    {},
    h('h1', { class: 'spoken' }, words.title),
    header.element,
    servers.element,
    h(
      'div',
      { class: 'columns' },
      section('wish', words.wishHeading, form),
      section('cost', words.costHeading, cost),
    ),
    launch.element,
  );
  return {
    element,
    update(page) {
      showUtilization(page.state.wish.engine === 'vllm');
      for (const view of views) view.update(page);
    },
    focus(target) {
      const targets = { model, utilization, deploy: launch };
      targets[target].focus();
    },
  };
}
