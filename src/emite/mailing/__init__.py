"""Mail: composed from templates, sent by workers, laid down as files in the demo.
What a mail says belongs to who sends it (their templates)."""
