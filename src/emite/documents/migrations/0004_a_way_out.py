"""What a person may end, and what nobody may: a doubt ends only with a stamp or with a look-up that proves there is none."""

from typing import ClassVar

from django.db import migrations, models
from django.db.models import Q

UNSETTLED = ("draft", "sealed", "sending", "unknown", "held")

_MOVES = """
        'draft>sealed', 'draft>rejected', 'draft>void', 'draft>stamped',
        'sealed>sending', 'sealed>draft', 'sealed>held', 'sealed>stamped',{sealed}
        'sending>sealed', 'sending>unknown', 'sending>rejected', 'sending>stamped',
        'unknown>sealed', 'unknown>draft', 'unknown>held', 'unknown>stamped',{unknown}
        'held>draft', 'held>stamped',{held}
        'stamped>cancelled'"""

_GUARD = """
CREATE OR REPLACE FUNCTION documents_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a fiscal document is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state IS DISTINCT FROM OLD.state AND NOT (OLD.state || '>' || NEW.state = ANY (ARRAY[{moves}])) THEN
        RAISE EXCEPTION 'illegal move % > %', OLD.state, NEW.state USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.content IS DISTINCT FROM OLD.content
        OR NEW.organization_id <> OLD.organization_id OR NEW.issuer_id <> OLD.issuer_id
        OR NEW.total <> OLD.total OR NEW.idempotency_key <> OLD.idempotency_key
        OR (OLD.uuid IS NOT NULL AND NEW.uuid IS DISTINCT FROM OLD.uuid)
        OR (OLD.folio IS NOT NULL AND (NEW.folio, NEW.serie) IS DISTINCT FROM (OLD.folio, OLD.serie)) THEN
        RAISE EXCEPTION 'a fact of the document would change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.seal_rev NOT IN (OLD.seal_rev, OLD.seal_rev + 1)
        OR (NEW.seal_rev > OLD.seal_rev AND OLD.state <> 'draft') THEN
        RAISE EXCEPTION 'only a draft is sealed, one revision at a time'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;{more}
    RETURN NEW;
END $$;
"""

_MORE = """
    IF NEW.state = 'void' AND OLD.state <> 'void' AND (NEW.in_doubt OR NEW.first_sent_at IS NOT NULL) THEN
        RAISE EXCEPTION 'what may be stamped is not discarded' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state NOT IN ('stamped', 'cancelled')
        AND ((OLD.in_doubt AND NOT NEW.in_doubt)
            OR (OLD.first_sent_at IS NOT NULL AND NEW.first_sent_at IS NULL AND OLD.state <> 'sending'))
        AND NOT EXISTS (
            SELECT 1 FROM documents_stampattempt a JOIN issuers_pacaccount p ON p.id = a.pac_account_id
            WHERE a.organization_id = OLD.organization_id AND a.document_id = OLD.id AND a.seal_rev = OLD.seal_rev
                AND a.phase = 'answered' AND a.operation = 'lookup' AND a.outcome = 'notfound'
                AND a.pac_account_id = OLD.pac_account_id
                AND a.at >= OLD.last_sent_at
                    + COALESCE(p.max_processing, interval '0') + COALESCE(p.visible_after, interval '0')) THEN
        RAISE EXCEPTION 'a doubt ends with a stamp or with a look-up that finds none'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.pac_account_id <> OLD.pac_account_id
        AND (OLD.state NOT IN ('draft', 'sealed') OR OLD.in_doubt OR OLD.first_sent_at IS NOT NULL) THEN
        RAISE EXCEPTION 'what was sent to a PAC is settled with that PAC'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;"""


def _guard(*, is_new: bool) -> str:
    added = {"sealed": " 'sealed>unknown', 'sealed>void',", "unknown": " 'unknown>void',", "held": " 'held>void',"}
    moves = _MOVES.format(**(added if is_new else dict.fromkeys(added, "")))
    return _GUARD.format(moves=moves, more=_MORE if is_new else "")


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [
        ("documents", "0003_global_channel"),
        ("issuers", "0001_initial"),
    ]

    operations: ClassVar[list[migrations.operations.base.Operation]] = [
        migrations.AddField(
            "fiscaldocument", "discard_asked_at", models.DateTimeField(blank=True, null=True)
        ),
        migrations.AddIndex(
            "fiscaldocument",
            models.Index(
                fields=["organization", "-created_at"], condition=Q(state="rejected"), name="document_rejected"
            ),
        ),
        migrations.AddIndex(
            "fiscaldocument",
            models.Index(fields=["organization"], condition=Q(state__in=UNSETTLED), name="document_unsettled"),
        ),
        migrations.RunSQL(_guard(is_new=True), _guard(is_new=False)),
    ]
