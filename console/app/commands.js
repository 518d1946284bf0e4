//! Everything that can be done by a key or from the palette: what it is called, when it is possible, and how.

import { claim, release, update } from './actions.js';
import { draft } from './drafts.js';
import { focusComposer, focusSearch } from './focus.js';
import { summaryOf } from './holder.js';
import { step, viewNames } from './list.js';
import { toggleDetails } from './panel.js';
import { prefer, prefs } from './prefs.js';
import { go, route } from './route.js';
import { ask, claims, features, isSupervisor, me } from './store.js';
import { t } from './strings.js';
import { doing, setTab, talk } from './talk.js';
import { canned } from './workspace.js';

/** @typedef {{name: string, label: string, run(): void, when(): boolean}} CommandItem `name` is that of its key, where it has one. */

const summary = () => summaryOf(talk.value);
const id = () => talk.value?.id ?? '';
const idle = () => !doing.value.has(id());
const always = () => true;
const isOpen = () => summary() !== null;
const mine = () => claims.value.has(id());
/** @param {string} it @param {'reply' | 'note'} kind */
const hasDraft = (it, kind) => draft(it, kind).text.trim() !== '';
const held = () => Boolean(summary()?.claim) && !mine();
/** Status and the like are for the holder, for supervisors, and for all while nobody holds it. */
export const mayChange = () => isOpen() && (!summary()?.claim || mine() || isSupervisor.value);

/** @param {'reply' | 'note'} tab */
function write(tab) {
  setTab(id(), tab);
  focusComposer();
}

/** @param {string} name @param {() => boolean} when @param {() => void} run @returns {CommandItem} */
const keyed = (name, when, run) => ({ name, label: t(`k_${name}`), when, run });

/** @type {CommandItem[]} */
export const keyedCommands = [
  keyed('next', always, () => step(1)),
  keyed('previous', always, () => step(-1)),
  keyed(
    'claim',
    () => isOpen() && !summary()?.claim && idle(),
    () => void claim(id()),
  ),
  keyed(
    'release',
    () => mine() && idle(),
    () => void release(id()),
  ),
  keyed('reply', isOpen, () => write('reply')),
  keyed('note', isOpen, () => write('note')),
  keyed(
    'resolve',
    () => mayChange() && !isDone(),
    () => void update(id(), { status: 'resolved' }),
  ),
  keyed(
    'snooze',
    () => mayChange() && !isDone(),
    () => ask('snooze', [id()]),
  ),
  keyed('takeOver', held, () => ask('takeOver', [id()])),
  keyed('transfer', mine, () => ask('transfer', [id()])),
  keyed('priority', isOpen, () => ask('priority', [id()])),
  keyed('tags', isOpen, () => ask('tags', [id()])),
  keyed('details', always, toggleDetails),
  keyed('search', always, focusSearch),
  keyed('help', always, () => ask('help')),
];

export const isDone = () => /^(resolved|closed)$/.test(summary()?.status ?? '');

/** For the palette: all that is possible now. @returns {CommandItem[]} */
export function possible() {
  const views = viewNames().map((name) => ({
    name: '',
    label: `${t('views')}: ${t(name)}`,
    when: always,
    run: () => go({ view: name, id: null }),
  }));
  /** @type {CommandItem[]} */
  const others = [
    { name: '', label: t('assign'), when: mayChange, run: () => ask('assign', [id()]) },
    { name: '', label: t('status'), when: mayChange, run: () => ask('status', [id()]) },
    {
      name: '',
      label: t('attach'),
      when: isOpen,
      run: () => {
        setTab(id(), 'reply');
        ask('attach', [id()]);
      },
    },
    {
      name: '',
      label: t('later'),
      when: () => isOpen() && !held() && features.value.has('schedule_reply') && hasDraft(id(), 'reply'),
      run: () => ask('later', [id()]),
    },
    { name: '', label: t('queue_title'), when: mayChange, run: () => ask('queue', [id()]) },
    { name: '', label: t('open_new'), when: isOpen, run: () => ask('open', [id()]) },
    {
      name: '',
      label: t('merge_with'),
      when: () => mayChange() && summary()?.status !== 'closed',
      run: () => ask('merge', [id()]),
    },
    { name: '', label: t('save_view'), when: always, run: () => ask('saveView') },
    {
      name: '',
      label: t('reopen'),
      when: () => mayChange() && isDone(),
      run: () => void update(id(), { status: 'open' }),
    },
    {
      name: '',
      label: t('silent'),
      when: () => isSupervisor.value,
      run: () => prefer({ silent: !prefs.value.silent }),
    },
    {
      name: '',
      label: t('wall'),
      when: () => isSupervisor.value,
      run: () => go({ view: 'wall', id: null }),
    },
    {
      name: '',
      label: t('canned'),
      when: () => isOpen() && canned.value.length > 0,
      run: () => ask('canned', [id()]),
    },
    {
      name: '',
      label: t('whisper'),
      when: () => isSupervisor.value && held(),
      run: () => ask('whisper', [id()]),
    },
    {
      name: '',
      label: t('workspace'),
      when: () => features.value.has('settings'),
      run: () => go({ view: 'workspace', id: null }),
    },
    { name: '', label: t('settings'), when: () => me.value !== null, run: () => ask('settings') },
    { name: '', label: t('back'), when: () => route.value.id !== null, run: () => go({ id: null }) },
  ];
  return [...keyedCommands, ...views, ...others].filter((it) => it.when());
}
