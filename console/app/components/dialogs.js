//! Which dialog is open.

import { html } from '../lib.js';
import { dialog } from '../store.js';
import { AssignDialog, PriorityDialog, ResultsDialog, StatusDialog, TagsDialog } from './changes.js';
import { AttachDialog } from './files.js';
import { SnoozeDialog, TakeOverDialog, TransferDialog } from './handover.js';
import { HelpDialog } from './help.js';
import { Palette } from './palette.js';
import { SaveDialog } from './saved.js';
import { SettingsDialog } from './settings.js';

/** @type {Record<string, (props: {ids: string[]}) => unknown>} */
const KINDS = {
  takeOver: TakeOverDialog,
  transfer: TransferDialog,
  snooze: SnoozeDialog,
  assign: AssignDialog,
  priority: PriorityDialog,
  status: StatusDialog,
  saveView: SaveDialog,
  tags: TagsDialog,
  attach: AttachDialog,
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
