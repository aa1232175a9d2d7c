"""The audit log, for admins: who changed what, when, from where, in which request."""

from utxoiq_http import answers as views
from utxoiq_http.access import service
from utxoiq_http.answer import Answer
from utxoiq_http.endpoints import pages
from utxoiq_http.links import LINK
from utxoiq_http.routes import Call, Route
from utxoiq_persistence.records import AuditQuery
from utxoiq_persistence.store import Store

PATH = "/api/v1/access/audit"
ADMIN = "admin"


async def find(store: Store, call: Call[AuditQuery, None]) -> Answer:
    """Changes of data and of access, newest first. start_time and end_time are both inclusive."""
    pages.check(call.parameters)
    return pages.of_page(call, await store.audit.find(call.parameters))


ROUTES = (
    Route(
        method="GET",
        path=PATH,
        handler=find,
        access=service(ADMIN),
        parameters=AuditQuery,
        answer=list[views.AuditEntry],
        answer_headers=(LINK,),
        problems=(400,),
    ),
)
