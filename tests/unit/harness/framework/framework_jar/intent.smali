# android.content.Intent with the fields of Android 16 that change its parcel.
.class public Landroid/content/Intent;
.super Ljava/lang/Object;

.field public static final ACTION_MAIN:Ljava/lang/String; = "android.intent.action.MAIN"
.field private mAction:Ljava/lang/String;
.field private mCreatorTokenInfo:Ljava/lang/Object;
.field private mExtendedFlags:I
.field private mOriginalIntent:Landroid/content/Intent;
