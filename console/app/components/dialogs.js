//! Which dialog is open.

import { html } from '../lib.js';
import { dialog } from '../store.js';
import { AssignDialog, PriorityDialog, ResultsDialog, TagsDialog } from './changes.js';
import { SnoozeDialog, TakeOverDialog, TransferDialog } from './handover.js';
import { HelpDialog } from './help.js';
import { Palette } from './palette.js';
import { SettingsDialog } from './settings.js';

/** @type {Record<string, (props: {ids: string[]}) => unknown>} */
const KINDS = {
  takeOver: TakeOverDialog,
  transfer: TransferDialog,
  snooze: SnoozeDialog,
  assign: AssignDialog,
  priority: PriorityDialog,
  tags: TagsDialog,
  results: ResultsDialog,
  palette: Palette,
  help: HelpDialog,
  settings: SettingsDialog,
};

export function Dialogs() {
  const open = dialog.value;
  const Kind = open && KINDS[open.kind];
  return Kind ? html`<${Kind} key=${open.kind} ids=${open.ids} />` : null;
}
