"""From what was measured to what it means: verdict, recommendation, notices."""
