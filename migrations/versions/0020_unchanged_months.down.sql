DROP FUNCTION system_metrics_drop_month(date, xid8);
