/* What was told to whom, over which channels; shapes of /api/v1/notifications. */
import type { Text } from './types';

export type NoticeKind =
  | 'incident_opened' | 'incident_raised' | 'posture_changed' | 'decision_waiting' | 'decision_late' | 'task_overdue' | 'deadline_near'
  | 'deadline_missed' | 'source_silent' | 'report_made' | 'report_unsigned' | 'outside_ready' | 'mentioned' | 'test';

/* A notice on its way to one recipient. `notice` 0: a digest, whose parts name it in `digest`. */
export interface NotificationMessage {
  id: number;
  notice: number;
  channel: string;
  recipient: string;
  role: string;
  step: number;
  status: 'waiting' | 'gathered' | 'sent' | 'failed';
  digest: number;
  due: string | null;
  attempts: number;
  tried: string | null;
  sent: string | null;
  failure: string;
  receipt: string;
}

export interface Notification {
  id: number;
  incident: number;
  kind: NoticeKind;
  rule: string;
  title: Text;
  text: Text;
  urgency: number;
  happened: string | null;
  status: 'told' | 'open' | 'acknowledged' | 'settled';
  step: number;
  escalates: string | null;
  acknowledged_by: string;
  acknowledged: string | null;
  messages: NotificationMessage[];
}

export interface NotificationChannel {
  name: string;
  type: 'mail' | 'webhook' | 'syslog' | 'ticket';
  waiting: number;
  retrying: number;
  failed: number;
  failure: string;
}

export interface Notifications {
  on: boolean;
  channels: NotificationChannel[];
  rows: Notification[];
  digests: NotificationMessage[];
}
