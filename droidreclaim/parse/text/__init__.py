"""What all readers share: lines, columns, sections, bug reports."""
