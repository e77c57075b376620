SET statement_timeout = '10s';
SET lock_timeout = '2s';
SET idle_in_transaction_session_timeout = '10s';
SET default_transaction_read_only = off;
SET search_path = pg_catalog, pg_temp;
SET client_min_messages = error
