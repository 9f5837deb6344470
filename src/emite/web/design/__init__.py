"""The one design: shells, components, style sheets and the words of money and dates. No page of its own."""
