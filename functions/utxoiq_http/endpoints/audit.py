"""The audit log endpoint, for administrators: who changed what, when, from which address, in which request."""

from utxoiq_http import answers as views
from utxoiq_http.access import require_scope
from utxoiq_http.answer import Answer
from utxoiq_http.endpoints import pages
from utxoiq_http.links import LINK
from utxoiq_http.routes import Call, Route
from utxoiq_persistence.records import AuditQuery
from utxoiq_persistence.store import Store

PATH = "/api/v1/access/audit"
ADMIN = "admin"


async def list_audit_entries(store: Store, call: Call[AuditQuery, None]) -> Answer:
    """List changes to data and to access rights, newest first. Both start_time and end_time are inclusive."""
    pages.check_start(call.parameters)
    return pages.answer_page(call, await store.audit.find(call.parameters))


ROUTES = (
    Route(
        method="GET",
        path=PATH,
        handler=list_audit_entries,
        access=require_scope(ADMIN),
        parameters=AuditQuery,
        answer=list[views.AuditEntry],
        answer_headers=(LINK,),
        problems=(400,),
    ),
)
