-- What happened to a change is only ever added to.

CREATE TRIGGER change_event_is_final BEFORE UPDATE ON change_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER change_event_is_never_emptied BEFORE TRUNCATE ON change_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
